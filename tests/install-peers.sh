#!/usr/bin/env bash
# Installs the real programs that the tests talk to, on Debian and Ubuntu. Elsewhere it names them; the tests that need
# one then skip by name.
set -u
packages=(chromium fonts-noto-cjk mariadb-server poppler-utils rsyslog nginx-light libnginx-mod-http-js prometheus prometheus-node-exporter prometheus-alertmanager victoria-metrics libxml2-utils openssh-server systemd-journal-remote python3-feedparser)
programs=(chromium mariadbd pdftotext rsyslogd nginx prometheus prometheus-node-exporter prometheus-alertmanager victoria-metrics sshd xmllint)

missing=()
for program in "${programs[@]}"; do
  command -v "$program" >/dev/null 2>&1 || [ -x "/usr/sbin/$program" ] || missing+=("$program")
done
# No program on the path.
[ -x /lib/systemd/systemd-journal-remote ] || missing+=(systemd-journal-remote)
# No program, a module of one.
[ -e /usr/lib/nginx/modules/ngx_http_js_module.so ] || [ -e /usr/share/nginx/modules/ngx_http_js_module.so ] || missing+=(libnginx-mod-http-js)
[ "${#missing[@]}" -eq 0 ] && exit 0

echo "The full test run also uses: ${missing[*]}"
if ! command -v apt-get >/dev/null 2>&1; then
  echo "No apt-get here: install them by hand for the full run. Tests that need one are skipped by name."
  exit 0
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! sudo -n true 2>/dev/null; then
    echo "Not root and no password-less sudo. For the full run: sudo apt-get install ${packages[*]}"
    exit 0
  fi
  as_root=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
# Packages must not start their services: the tests start their own, on free ports, and stop them.
policy=/usr/sbin/policy-rc.d
made_policy=0
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null && "${as_root[@]}" chmod +x "$policy" && made_policy=1
fi
"${as_root[@]}" apt-get update -q >/dev/null || echo "apt-get update failed; trying with the lists at hand"
for package in "${packages[@]}"; do
  "${as_root[@]}" apt-get install -yq --no-install-recommends "$package" >/dev/null || echo "could not install $package: its tests will be skipped"
done
[ "$made_policy" -eq 1 ] && "${as_root[@]}" rm -f "$policy"
exit 0
