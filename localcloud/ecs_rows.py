"""The rows of the ECS answers: every documented key, and a neutral value where none is known."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from localcloud.model import SECURITY_GROUP

if TYPE_CHECKING:
    from localcloud.actions import Json
    from localcloud.model import Eni, Instance, InstanceType, Tags
    from localcloud.state import View

BEGINNING = "2024-01-01T00:00:00Z"
"""When everything in a world was made: worlds carry no dates."""

ACCOUNT = "1000000000000001"
SERVICE = 12345678910
GIB_PER_CORE = 4


def eni_row(view: View, eni: Eni) -> Json:
    """Return an ENI as DescribeNetworkInterfaces shows it."""
    vswitch = view.vswitch(eni.vswitch_id)
    addresses = [_address_row(eni.primary, primary=True)]
    addresses += [_address_row(address, primary=False) for address in eni.secondary]
    return {
        **_ENI_DEFAULTS,
        "NetworkInterfaceId": eni.id,
        "NetworkInterfaceName": eni.name,
        "NetworkInterfaceTrafficMode": eni.traffic_mode,
        "Type": eni.type,
        "Status": eni.status,
        "VpcId": vswitch.vpc,
        "ZoneId": vswitch.zone,
        "VSwitchId": vswitch.id,
        "MacAddress": _mac(eni.id),
        "InstanceId": eni.instance_id,
        "ServiceID": SERVICE if eni.service_managed else 0,
        "ServiceManaged": eni.service_managed,
        "PrivateIpAddress": eni.primary,
        "PrivateIpSets": {"PrivateIpSet": addresses},
        "Ipv4PrefixSets": {"Ipv4PrefixSet": [{"Ipv4Prefix": cidr} for cidr in eni.prefixes]},
        "Tags": tag_rows(eni.tags),
        "Attachment": {
            "DeviceIndex": 0,
            "InstanceId": eni.instance_id,
            "TrunkNetworkInterfaceId": "",
            "NetworkCardIndex": 0,
        },
    }


def instance_row(view: View, instance: Instance) -> Json:
    """Return an instance as DescribeInstances shows it."""
    enis = sorted(view.enis_of(instance.id), key=lambda eni: eni.type != "Primary")
    kind = view.types[instance.type]
    return {
        **_INSTANCE_DEFAULTS,
        **_place(view, enis),
        "InstanceId": instance.id,
        "InstanceName": instance.name or instance.id,
        "HostName": instance.id,
        "Status": instance.status,
        "ImageId": instance.image or _INSTANCE_DEFAULTS["ImageId"],
        "InstanceType": instance.type,
        "InstanceTypeFamily": _family(kind),
        "Cpu": _cores(kind),
        "Memory": _cores(kind) * GIB_PER_CORE * 1024,
        "CpuOptions": {"ThreadsPerCore": 2, "Numa": "ON", "CoreCount": max(1, _cores(kind) // 2)},
        "RegionId": view.region,
        "Tags": tag_rows(instance.all_tags),
        "NetworkInterfaces": {"NetworkInterface": [_eni_of_instance(eni) for eni in enis]},
    }


def type_row(kind: InstanceType) -> Json:
    """Return an instance type as DescribeInstanceTypes shows it."""
    cores = _cores(kind)
    return {
        **_TYPE_DEFAULTS,
        "InstanceTypeId": kind.id,
        "InstanceTypeFamily": _family(kind),
        "EniQuantity": kind.enis,
        "EniTotalQuantity": kind.enis,
        "EniPrivateIpAddressQuantity": kind.addresses_per_eni,
        "EniIpv6AddressQuantity": kind.addresses_per_eni,
        "CpuCoreCount": cores,
        "MemorySize": cores * GIB_PER_CORE,
        "CpuOptions": {
            "SupportedTopologyTypes": {"SupportedTopologyType": []},
            "CoreFactor": 2,
            "ThreadsPerCore": 2,
            "HyperThreadingAdjustable": True,
            "Core": max(1, cores // 2),
        },
    }


def tag_rows(tags: Tags) -> Json:
    """Return tags as every ECS answer shows them."""
    return {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}


def _address_row(address: str, *, primary: bool) -> Json:
    return {
        "PrivateIpAddress": address,
        "Primary": primary,
        "AssociatedPublicIp": {"PublicIpAddress": "", "AllocationId": ""},
        "PrivateDnsName": "",
    }


def _eni_of_instance(eni: Eni) -> Json:
    # DescribeInstances leaves out the secondary addresses of the primary ENI.
    shown = eni.secondary if eni.type != "Primary" else ()
    return {
        "Type": eni.type,
        "PrimaryIpAddress": eni.primary,
        "NetworkInterfaceId": eni.id,
        "MacAddress": _mac(eni.id),
        "PrivateIpSets": {
            "PrivateIpSet": [
                {"PrivateIpAddress": eni.primary, "Primary": True},
                *({"PrivateIpAddress": address, "Primary": False} for address in shown),
            ]
        },
    }


def _place(view: View, enis: list[Eni]) -> Json:
    """Say where an instance is: where its first ENI is."""
    if not enis:
        nowhere: dict[str, Any] = {"IpAddress": []}
        return {
            "ZoneId": "",
            "VpcAttributes": {
                "PrivateIpAddress": nowhere,
                "VpcId": "",
                "VSwitchId": "",
                "NatIpAddress": "",
            },
        }
    vswitch = view.vswitch(enis[0].vswitch_id)
    return {
        "ZoneId": vswitch.zone,
        "VpcAttributes": {
            "PrivateIpAddress": {"IpAddress": [enis[0].primary]},
            "VpcId": vswitch.vpc,
            "VSwitchId": vswitch.id,
            "NatIpAddress": "",
        },
    }


def _mac(eni_id: str) -> str:
    digest = hashlib.sha256(eni_id.encode()).hexdigest()
    return f"00:16:3e:{digest[0:2]}:{digest[2:4]}:{digest[4:6]}"


def _family(kind: InstanceType) -> str:
    return kind.id.rpartition(".")[0]


def _cores(kind: InstanceType) -> int:
    """Guess the vCPUs from the size in the name: large is 2, xlarge 4, 2xlarge 8."""
    size = kind.id.rpartition(".")[2]
    match = re.fullmatch(r"(\d*)xlarge", size)
    return 4 * int(match[1] or 1) if match else 2


_ENI_DEFAULTS: Json = {
    "CreationTime": BEGINNING,
    "QueuePairNumber": 0,
    "OwnerId": ACCOUNT,
    "Description": "",
    "ResourceGroupId": "",
    "QueueNumber": 8,
    "Ipv6Sets": {"Ipv6Set": []},
    "Ipv6PrefixSets": {"Ipv6PrefixSet": []},
    "SecurityGroupIds": {"SecurityGroupId": [SECURITY_GROUP]},
    "AssociatedPublicIp": {"PublicIpAddress": "", "AllocationId": ""},
    "DeleteOnRelease": True,
    "SourceDestCheck": False,
}

_INSTANCE_DEFAULTS: Json = {
    "ResourceGroupId": "",
    "InstanceChargeType": "PostPaid",
    "OSName": "Alibaba Cloud Linux 3 64-bit",
    "InstanceNetworkType": "vpc",
    "InnerIpAddress": {"IpAddress": []},
    "ExpiredTime": "2099-12-31T15:59Z",
    "ImageId": "aliyun_3_x64_20G_localcloud.vhd",
    "EipAddress": {"AllocationId": "", "IpAddress": "", "InternetChargeType": ""},
    "VlanId": "",
    "MetadataOptions": {"HttpTokens": "optional", "HttpEndpoint": "enabled"},
    "StoppedMode": "Not-applicable",
    "StartTime": BEGINNING,
    "DeletionProtection": False,
    "SecurityGroupIds": {"SecurityGroupId": [SECURITY_GROUP]},
    "InternetChargeType": "PayByTraffic",
    "DeploymentSetId": "",
    "InternetMaxBandwidthOut": 0,
    "SerialNumber": "",
    "OSType": "linux",
    "CreationTime": BEGINNING,
    "AutoReleaseTime": "",
    "Description": "",
    "DedicatedInstanceAttribute": {"Tenancy": "", "Affinity": ""},
    "PublicIpAddress": {"IpAddress": []},
    "GPUSpec": "",
    "SpotPriceLimit": 0.0,
    "DeviceAvailable": True,
    "SaleCycle": "",
    "OSNameEn": "Alibaba Cloud Linux 3 64 bit",
    "SpotStrategy": "NoSpot",
    "IoOptimized": True,
    "ClusterId": "",
    "EcsCapacityReservationAttr": {
        "CapacityReservationPreference": "",
        "CapacityReservationId": "",
    },
    "DedicatedHostAttribute": {
        "DedicatedHostId": "",
        "DedicatedHostName": "",
        "DedicatedHostClusterId": "",
    },
    "GPUAmount": 0,
    "OperationLocks": {"LockReason": []},
    "InternetMaxBandwidthIn": 0,
    "Recyclable": False,
    "CreditSpecification": "",
}

_TYPE_DEFAULTS: Json = {
    "InstancePpsTx": 1_000_000,
    "InstancePpsRx": 1_000_000,
    "InstanceBandwidthRx": 3_072_000,
    "InstanceBandwidthTx": 3_072_000,
    "NvmeSupport": "unsupported",
    "PrimaryEniQueueNumber": 4,
    "SecondaryEniQueueNumber": 4,
    "TotalEniQueueQuantity": 16,
    "MaximumQueueNumberPerEni": 4,
    "EniTrunkSupported": False,
    "NetworkEncryptionSupport": False,
    "EriQuantity": 0,
    "Clock": {},
    "EnhancedNetwork": {},
    "PhysicalProcessorModel": "",
    "LocalStorageCategory": "",
    "GPUSpec": "",
    "GPUAmount": 0,
    "CpuArchitecture": "X86",
    "SupportedBootModes": {"SupportedBootMode": ["BIOS"]},
    "NetworkInfo": {"BandwidthWeighting": {}},
    "InstanceCategory": "General-purpose",
    "InstanceFamilyLevel": "EnterpriseLevel",
    "DiskQuantity": 17,
    "CpuSpeedFrequency": 2.7,
    "CpuTurboFrequency": 3.5,
    "JumboFrameSupport": True,
}
