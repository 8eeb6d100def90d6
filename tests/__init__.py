"""What checks types and shapes while tests run: beartype, to which an int is a float, as PEP 484 says."""

from beartype import BeartypeConf, beartype

check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))
