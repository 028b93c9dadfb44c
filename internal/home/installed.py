"""Fails, in one line, unless this environment has what a file of requirements asks for."""

import importlib.metadata
import sys

from pip._vendor.packaging.requirements import Requirement

missing = []
for line in open(sys.argv[1], encoding="utf-8"):
    if not line.strip() or line[0] in " #":
        continue  # a hash or a comment
    wanted = Requirement(line.rstrip().rstrip("\\"))
    if wanted.marker and not wanted.marker.evaluate():
        continue
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        missing.append(wanted.name)
        continue
    if version not in wanted.specifier:
        missing.append(f"{wanted.name}{wanted.specifier} (there is {version})")
if missing:
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    sys.exit(f"{sys.prefix} lacks {', '.join(missing[:3])}{more}")
