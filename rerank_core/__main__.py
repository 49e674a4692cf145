import sys

from rerank_core.cli import main

sys.exit(main())
