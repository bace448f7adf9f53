# The commands of daily work; each is one line that can be typed by hand.
.PHONY: check test live bench serve campaign

check:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	pytest

live:
	pytest -m live

bench:
	limelight bench engine
	limelight bench dynamics
	limelight bench jitter

campaign:
	pytest -m campaign -p no:cacheprovider tests

serve:
	limelight serve
