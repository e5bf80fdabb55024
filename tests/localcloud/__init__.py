"""A local Alibaba Cloud over HTTP: what people run, test and demonstrate the function against.

It never imports the function, so that it cannot share its misunderstandings, and it is stricter
than the cloud: whatever it does not serve is refused loudly instead of being ignored.

Served are, with the versions of their references, ECS (AssignPrivateIpAddresses,
UnassignPrivateIpAddresses, DescribeNetworkInterfaces, DescribeInstances, DescribeInstanceTypes),
VPC (DescribeVSwitches) and ESS (CompleteLifecycleAction, RecordLifecycleActionHeartbeat,
DescribeLifecycleActions, DescribeScalingInstances).

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
"""
