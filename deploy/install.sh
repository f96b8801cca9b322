#!/bin/sh
# The container's build steps: unmask and what its page needs, in an environment of its own.
#
#   sh deploy/install.sh /opt/unmask [PYTHON]
#
# HEIC comes from phones; pillow-heif reads it.
set -eu
place=$1
python=${2:-python3}
source=$(cd "$(dirname "$0")/.." && pwd)
"$python" -m venv "$place"
"$place/bin/python" -m pip install --quiet --disable-pip-version-check "$source[app]" pillow-heif
"$place/bin/unmask" doctor
