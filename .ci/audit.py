"""Ask pip-audit for known vulnerabilities of the image's packages.

Ends with 1 where there are any. Where the database cannot be reached, says so and ends with 0: pip-audit itself would
report an index that knows nothing of vulnerabilities as nothing found.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
SECONDS = 120


def image_packages() -> list[str]:
    """Each as name==version; torch has its version in pyproject.toml."""
    files = ("service/deploy/requirements.txt", "pyproject.toml")
    return [pin for file in files for pin in re.findall(r'^[ "]*([\w.-]+==[\w.]+)', (ROOT / file).read_text(), re.M)]


def main() -> str | int:
    """The exit code, or what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        requirements, report = Path(folder, "requirements.txt"), Path(folder, "report.json")
        requirements.write_text("\n".join(image_packages()))
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "5"]
        command = ["pip-audit", *options, "--format", "json", "--output", report, "-r", requirements]
        try:
            process = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            print(f"audit skipped: no answer from the database in {SECONDS} s")
            return 0
        if not report.exists():
            print("audit skipped:", process.stderr.strip().splitlines()[-1])
            return 0
        packages = json.loads(report.read_text())["dependencies"]
    audited = [package for package in packages if "skip_reason" not in package]
    found = [f"{each['name']} {each['version']}: {flaw['id']}" for each in audited for flaw in each["vulns"]]
    if not audited:
        print("audit skipped: the database is not reachable here;", packages[0]["skip_reason"])
    else:
        print(f"{len(audited)} of {len(packages)} packages audited, {len(found)} vulnerabilities")
    return "\n".join(found) if found else 0


if __name__ == "__main__":
    sys.exit(main())
