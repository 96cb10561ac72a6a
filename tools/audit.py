"""Look the installed packages up in the public database of vulnerabilities, by pip-audit.

Fails if a vulnerability is known. Where the database cannot be reached, or answers for no package, says so and goes on.
"""

import json
import subprocess
import sys

OPTIONS = "--local --format json --progress-spinner off --timeout 20"


def main() -> int:
    """Print what was found; 1 if it is a vulnerability."""
    command = [sys.executable, "-m", "pip_audit", *OPTIONS.split()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except ValueError:
        packages = []
    known = [package for package in packages if "vulns" in package]
    if not known:
        what = f"it is out of reach, or knows none of the {len(packages)} packages"
        print(f"NOT audited: the database of vulnerabilities does not help here; {what}.")
        return 0
    found = [f"{p['name']} {p['version']}: {v['id']}, mended in {v['fix_versions']}" for p in known for v in p["vulns"]]
    print(f"{len(known)} of {len(packages)} packages are in the database.", *(found or ["No vulnerability is known."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
