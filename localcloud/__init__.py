"""A local Alibaba Cloud over HTTP: what people run, test and demonstrate the function against.

It never imports the function, so that it cannot share its misunderstandings, and it is stricter
than the cloud: whatever it does not serve is refused loudly instead of being ignored.

Served are, with the versions of their references, ECS (AssignPrivateIpAddresses,
UnassignPrivateIpAddresses, CreateNetworkInterface, AttachNetworkInterface, DetachNetworkInterface,
DeleteNetworkInterface, RunInstances, StartInstance, StopInstance, DeleteInstance, TagResources,
DescribeNetworkInterfaces, DescribeInstances, DescribeInstanceTypes), VPC (DescribeVSwitches), ESS
(CompleteLifecycleAction, RecordLifecycleActionHeartbeat, DescribeLifecycleActions,
DescribeScalingInstances) and STS (AssumeRole).

Functions of the world are invoked as Function Compute is, see :mod:`localcloud.functions`.

Where the pages are silent, this is decided here:

- Of several errors that apply, validation precedes lookup precedes state precedes capacity.
- More than the instance type grants is InvalidOperation.Ipv4CountExceeded, more than the 50 of an
  ENI that is attached to nothing is MaxEniPrivateIpsCountExceeded.
- A named address that this ENI holds is InvalidIp.IpAssigned, one that is held elsewhere is
  InvalidPrivateIpAddress.Duplicated, one named twice is InvalidIp.IpRepeated, and one that the
  vSwitch cannot give (outside, reserved, or the provider's) is InvalidVSwitchId.IpInvalid.
- A known ClientToken with other parameters is 403 IdempotentParameterMismatch. While a slow call
  runs, its token is 403 IdempotentProcessing and any other call for its ENI Operation.Conflict.
- Addresses are given out lowest first; single ones never from blocks reserved for prefixes.
- Another region than the world's is Forbidden.RegionId.

About time:

- Attaching, Detaching, Deleting, Pending, Starting and Stopping last ``Limits.transition`` seconds
  of the cloud's clock, 3 unless chosen; a new ENI is Available at once, as its page says, unless
  ``Limits.creating`` is chosen. What a world declares to be in between stays so.
- An ENI that is being deleted keeps its addresses until it is gone. A detached one keeps them,
  even more than the 50 it could be given.
- RunInstances gives a primary ENI that is Attaching while its instance is Pending.

About keys and the wire:

- Of several things wrong with a signature, the key comes first (known, then active), then the
  time, the security token, the signature, and last the nonce.
- Clients that sign with HMAC-SHA1 get XML unless they say ``Format=JSON``; all others get JSON
  unless they say ``Format=XML`` or accept nothing but ``application/xml``.
- AssumeRole takes any well-formed role, for 15 minutes to an hour; permissions are not modelled.
- A throttled answer says when to come back only if the cloud is told to (``retry_after``).

Worlds may have, besides what the design names: ``status`` of an access key (``Active`` or
``Inactive``) and of a vSwitch (``Available`` or ``Pending``), ``name`` of an ENI, and
``prefixes_supported``, false for a region that knows no IPv4 prefixes. The one security group of
every world is ``sg-localcloud000000001``.
"""
