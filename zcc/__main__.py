"""`python -m zcc` is `zcc`."""

from zcc.cli.main import main

main()
