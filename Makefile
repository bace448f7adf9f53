# The commands of daily work; each is one line that can be typed by hand.
.PHONY: check test bench serve campaign

check:
	ruff check .
	ruff format --check .
	mypy
	lint-imports

test:
	pytest

bench:
	limelight bench engine
	limelight bench dynamics
	limelight bench jitter

campaign:
	pytest -m campaign -p no:cacheprovider tests

serve:
	limelight serve
