"""The examples that end the help of each subcommand. The tests run the command line of each."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "plan": (
        "secondary-ips plan --all --local",
        "secondary-ips plan --scaling-group asg-bp1example --function secondary-ips",
        "secondary-ips plan --vswitch vsw-bp1example --target 8 --output csv > plan.csv",
    ),
    "backfill": (
        "secondary-ips backfill --all --local",
        "secondary-ips backfill --scaling-group asg-bp1example --function secondary-ips",
        "secondary-ips backfill --instance-id i-bp1example --target max --yes",
    ),
    "invoke": (
        "secondary-ips invoke --all --local --follow",
        "secondary-ips invoke --all --dry-run --sync --function secondary-ips",
        "secondary-ips invoke --chain op-0123456789abcdef --function secondary-ips",
    ),
    "redeliver": (
        "secondary-ips redeliver --local",
        "secondary-ips redeliver --region cn-hangzhou --dry-run",
    ),
    "doctor": (
        "secondary-ips doctor --region cn-hangzhou",
        "secondary-ips doctor --region cn-hangzhou --function secondary-ips --json",
    ),
    "setup": (
        "secondary-ips setup --dry-run --region cn-hangzhou",
        "secondary-ips setup --role secondary-ips --retention-days 90",
    ),
    "report": (
        "secondary-ips plan --all --local --output json | secondary-ips report",
        "secondary-ips report plan.jsonl --output fleet.html",
    ),
}


def shown(name: str) -> str | None:
    """The examples of a subcommand, as the end of its help."""
    lines = EXAMPLES.get(name)
    return None if lines is None else "\b\n" + "\n".join(("Examples:", *lines))
