"""The entry point of `seqdrop`."""


def main() -> None:
    raise SystemExit("not yet")
