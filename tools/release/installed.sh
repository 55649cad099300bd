#!/usr/bin/env bash
# Installs what make release made as a user would, runs it, removes it, and
# checks that nothing is left. Prints a line for each: its name, its bytes, the
# files that it installs, and the page faults of a cold start.
#
#	tools/release/installed.sh FOLDER [KIND…]
set -euo pipefail
release=$(realpath "$1")
shift
kinds=("$@")
[ $# != 0 ] || kinds=(sums other archive sweep arm64 windows deb rpm npm image addresses module)
cd "$(dirname "$0")/../.."
sources=$PWD
version=$(basename "$release"/keysweep_*_linux_amd64.tar.gz _linux_amd64.tar.gz)
version=${version#keysweep_}
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
runners=$sources/bin/runners/node_modules/.bin:$sources/bin/runners/node_modules/lefthook-linux-x64/bin
export LC_ALL=C PATH=$runners:$PATH

fail() {
	echo "installed: $*" >&2
	exit 1
}

# A folder with one key, which is made here.
mkdir "$temp/shop"
key=sk_live_$(printf 'shop' | sha256sum | cut -c1-40)
echo "PAYMENT_KEY=$key" >"$temp/shop/pay.env"

# tried NAME COMMAND… runs an installed keysweep: NAME is the artefact.
tried() {
	local name=$1 out status=0
	shift
	grep -q "^keysweep v$version\$" <("$@" version) || fail "$name: $("$@" version)"
	grep -q "^source   ${source:-release}\$" <("$@" version) || fail "$name: $("$@" version)"
	out=$("$@" scan "${shop:-$temp/shop}" 2>&1) || status=$?
	if [ $status != 1 ] || [[ $out != *"1 key found"* ]] || [[ $out == *"$key"* ]]; then fail "$name: status $status: $out"; fi
	status=0
	out=$(printf 'clean\n' | "$@" scan - 2>&1) || status=$?
	[ $status = 0 ] || fail "$name: standard input: status $status: $out"
}

# line NAME FILES [COMMAND…] prints the line of an artefact.
line() {
	local name=$1 files=$2
	shift 2
	printf '%-44s %9d bytes %3d files %6s faults\n' "$name" "$(stat -c %s "$release/$name")" "$files" "$([ $# = 0 ] && echo - || python3 -c '
import os, shutil, sys
child = os.posix_spawn(shutil.which(sys.argv[1]), sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
print(os.wait4(child, 0)[2].ru_minflt)' "$@" version)"
}

# same NAME BEFORE AFTER compares two lists of files.
same() { [ "$2" = "$3" ] || fail "$1 leaves something: $(diff <(echo "$2") <(echo "$3"))"; }

sums() { (cd "$release" && sha256sum --quiet -c SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = $(($(ls | wc -l) - 1)) ]) || fail "SHA256SUMS"; }

# other checks that only a release is replaced.
other() {
	mkdir "$temp/other"
	touch "$temp/other/SHA256SUMS" "$temp/other/notes.txt"
	[[ $(bin/release-tool -o "$temp/other/" v0.0.0 2>&1) == *"it holds notes.txt"* ]] || fail "another folder is replaced"
}

# libraries FOLDER PROGRAM checks that each library has its licence, and is in the SBOM.
libraries() {
	local path at
	while read -r _ path at _; do
		[ "$path" != keysweep ] || at=v$version
		grep -qF "  $path $at (" "$1/THIRD_PARTY_NOTICES" || fail "the notices of $2 lack $path $at"
		grep -qF "\"pkg:golang/$path@$at?type=module\"" "$release/$(basename "$1").cdx.json" || fail "the SBOM of $2 lacks $path $at"
	done < <(go version -m "$1/$2" | grep -P '^\tdep\t')
}

archive() {
	local name=keysweep_${version}_linux_amd64 page
	mkdir "$temp/archive"
	tar -xzf "$release/$name.tar.gz" -C "$temp/archive"
	local folder=$temp/archive/$name
	for file in LICENSE THIRD_PARTY_NOTICES keysweep.1 completion/keysweep.bash completion/_keysweep completion/keysweep.fish completion/keysweep.ps1; do
		[ -s "$folder/$file" ] || fail "$name has no $file"
	done
	tried "$name" "$folder/keysweep"
	# Each option of the help is on the manual page, and each library has its licence.
	page=$(sed 's/\\-/-/g' "$folder/keysweep.1")
	for option in $("$folder/keysweep" help scan | grep -oE '^ +(-., )?--[a-z-]+' | grep -oE -- '--[a-z-]+'); do
		[[ $page == *"$option"* ]] || fail "the manual page lacks $option"
	done
	if command -v groff >/dev/null; then
		[ -z "$(groff -man -Tutf8 -ww -z "$folder/keysweep.1" 2>&1)" ] || fail "the manual page: $(groff -man -Tutf8 -ww -z "$folder/keysweep.1" 2>&1)"
	fi
	libraries "$folder" keysweep
	bash -c ". '$folder/completion/keysweep.bash'; complete -p keysweep" >/dev/null || fail "the completion of bash"
	line "$name.tar.gz" "$(find "$folder" -type f | wc -l)" "$folder/keysweep"
}

sweep() {
	local name=keysweep-sweep_${version}_linux_amd64
	tar -xzf "$release/$name.tar.gz" -C "$temp"
	local folder=$temp/$name
	libraries "$folder" keysweep-sweep
	grep -qF '"pkg:golang/github.com/nats-io/nats-server/v2@' "$release/$name.cdx.json" || fail "the SBOM of $name lacks nats-server"
	cmp LICENSE "$folder/LICENSE"
	# Its licence, MPL-2.0, wants this said.
	grep -q '^Its source code: https://github.com/hashicorp/go-retryablehttp, version v' "$folder/THIRD_PARTY_NOTICES" || fail "the notices of $name lack where the source of go-retryablehttp is"
	swept "$name" "$temp/shop" "$folder/keysweep-sweep" --state "$temp/state"
	line "$name.tar.gz" "$(find "$folder" -type f | wc -l)"
}

# swept NAME PATH COMMAND… runs an installed keysweep-sweep on a folder with one key.
swept() {
	local name=$1 path=$2 out status=0
	shift 2
	[ "$("$@" --version)" = "keysweep-sweep version v$version $(git rev-parse HEAD)" ] || fail "$name: $("$@" --version)"
	out=$("$@" --repos - <<<"$path" 2>&1) || status=$?
	if [ $status != 1 ] || [[ $out != *"1 key found"* ]] || [[ $out == *"$key"* ]]; then fail "$name: status $status: $out"; fi
}

arm64() {
	local name=keysweep_${version}_linux_arm64
	tar -xzf "$release/$name.tar.gz" -C "$temp"
	tried "$name" qemu-aarch64-static "$temp/$name/keysweep"
	line "$name.tar.gz" "$(find "$temp/$name" -type f | wc -l)"
}

windows() {
	local name=keysweep_${version}_windows_amd64
	unzip -q "$release/$name.zip" -d "$temp"
	# Not in /tmp, in which Wine does not find every file.
	rm -rf bin/windows/shop
	cp -r "$temp/shop" bin/windows/shop
	shop=bin/windows/shop WINEPREFIX=$sources/bin/windows/prefix WINEDEBUG=-all tried "$name.zip" wine "$temp/$name/keysweep.exe"
	line "$name.zip" "$(find "$temp/$name" -type f | wc -l)"
}

deb() {
	local name=keysweep_$version-1_amd64.deb before
	before=$(find /usr /etc /var/lib/dpkg/info -path /usr/local -prune -o -print | sort)
	dpkg -i "$release/$name" >/dev/null
	tried "$name" /usr/bin/keysweep
	line "$name" "$(dpkg -L keysweep | while read -r f; do [ -d "$f" ] || echo "$f"; done | wc -l)" /usr/bin/keysweep
	dpkg --purge keysweep >/dev/null
	same "$name" "$before" "$(find /usr /etc /var/lib/dpkg/info -path /usr/local -prune -o -print | sort)"
	[ "$(dpkg-deb -f "$release/${name/amd64/arm64}" Architecture)" = arm64 ] || fail "the deb for arm64"
}

# quiet runs rpm, which on Debian warns each time that it is not the one to use.
quiet() { command "$@" 2> >(grep -v -e 'use Alien' -e 'assuming you know' >&2); }

rpm() {
	local name=keysweep-$version-1.x86_64.rpm root=$temp/rpm before
	mkdir -p "$root"/usr/{bin,share/{doc,man/man1,bash-completion/completions,zsh/site-functions,fish/vendor_completions.d}}
	quiet rpm --root "$root" --initdb
	before=$(find "$root/usr" | sort)
	quiet rpm --root "$root" -i "$release/$name"
	quiet rpm --root "$root" -V keysweep
	tried "$name" "$root/usr/bin/keysweep"
	line "$name" "$(find "$root/usr" -type f | wc -l)" "$root/usr/bin/keysweep"
	quiet rpm --root "$root" -e keysweep
	same "$name" "$before" "$(find "$root/usr" | sort)"
}

npm() {
	local folder=$temp/npm
	mkdir "$folder"
	(
		cd "$folder"
		git init -q .
		echo '{"name":"shop","private":true}' >package.json
		export npm_config_cache=$temp/npm-cache npm_config_audit=false npm_config_fund=false npm_config_update_notifier=false npm_config_offline=true
		command npm install --silent -D "$release/keysweep-linux-x64-$version.tgz" "$release/keysweep-$version.tgz" >/dev/null
		tried "keysweep-$version.tgz" npx keysweep
		line "keysweep-linux-x64-$version.tgz" "$(find node_modules/@keysweep -type f | wc -l)" node_modules/@keysweep/linux-x64/bin/keysweep
		line "keysweep-$version.tgz" "$(find node_modules/keysweep -type f | wc -l)" node node_modules/keysweep/keysweep.js
		hooks
		ended
		command npm rm --silent keysweep @keysweep/linux-x64 >/dev/null
		# npm itself leaves the empty folder of the scope.
		[ -z "$(find node_modules -path '*keysweep*' ! -type d)" ] || fail "npm leaves $(find node_modules -path '*keysweep*')"
	)
}

# The script of npm ends as the program does, that is, not as if nothing had been found.
ended() {
	local signal status
	for signal in PIPE TERM INT; do
		printf '#!/bin/sh\nkill -%s $$\n' $signal >node_modules/@keysweep/linux-x64/bin/keysweep
		status=0
		{ node node_modules/keysweep/keysweep.js || status=$?; } 2>/dev/null
		[ $status = $((128 + $(kill -l $signal))) ] || fail "SIG$signal: npm's keysweep ends with $status"
	done
}

# The hooks of husky and lefthook with the keysweep of npm and no other.
hooks() {
	local manager
	cp "$temp/shop/pay.env" .
	git add pay.env
	for manager in husky lefthook; do
		case $manager in
		husky)
			mkdir .husky
			echo 'keysweep hook pre-commit' >.husky/pre-commit
			husky
			;;
		lefthook)
			git config --unset core.hooksPath
			printf 'pre-commit:\n  commands:\n    keysweep:\n      run: npx --no keysweep hook pre-commit\n' >lefthook.yml
			lefthook install >/dev/null
			;;
		esac
		grep -q 'keysweep stopped this commit' <(PATH=/usr/bin:/bin:$runners git -c user.name=a -c user.email=a@example.com commit -m Pay 2>&1) || fail "$manager with the keysweep of npm"
		echo "$manager with the keysweep of npm: stopped"
	done
}

# unpacked NAME unpacks the image of a program for this machine, and checks what is said of both images.
unpacked() {
	local name=$1_${version}_linux_amd64.image.tar arm root=$temp/$1/rootfs
	skopeo --insecure-policy copy -q "docker-archive:$release/$name" "dir:$temp/loaded-$1" # as docker load reads it
	tar -xOf "$release/$name" index.json | grep -qF "\"docker.io/library/$1:$version\"" || fail "$name: podman would call it $version"
	skopeo --insecure-policy copy -q "oci-archive:$release/$name" "oci:$temp/layout-$1:$version"
	umoci unpack --image "$temp/layout-$1:$version" "$temp/$1"
	[ "$(skopeo inspect --format '{{index .Labels "org.opencontainers.image.title"}}' "oci-archive:$release/$name")" = "$1" ] || fail "the title of $name"
	arm=$(skopeo inspect --format '{{.Architecture}}' "oci-archive:$release/${name/amd64/arm64}")
	[ "$arm" = arm64 ] || fail "the image for arm64 is for $arm"
	[ -z "$(find "$root" -name '*sh' -o -name busybox)" ] || fail "$name has a shell"
}

image() {
	local name=keysweep_${version}_linux_amd64.image.tar root=$temp/keysweep/rootfs
	unpacked keysweep
	# Another user owns the mounted repository, which git would refuse.
	git init -q "$root/src"
	cp "$temp/shop/pay.env" "$root/src"
	git -C "$root/src" add pay.env
	shop=/src tried "$name" chroot --userspec=65532:65532 "$root" /usr/bin/keysweep
	line "$name" "$(find "$root" -type f -not -path "$root/src/*" | wc -l)" chroot --userspec=65532:65532 "$root" /usr/bin/keysweep
	name=keysweep-sweep_${version}_linux_amd64.image.tar root=$temp/keysweep-sweep/rootfs
	unpacked keysweep-sweep
	cp -r "$temp/shop" "$root/src"
	swept "$name" /src/shop chroot --userspec=65532:65532 "$root" /usr/bin/keysweep-sweep --state /tmp/state
	line "$name" "$(find "$root" -type f -not -path "$root/src/*" -not -path "$root/tmp/*" | wc -l)"
}

# The formula and the manifest name files that are there, with their sums.
addresses() {
	local n=0 file sum
	while read -r file sum; do
		grep -q "^$sum  $file\$" "$release/SHA256SUMS" || fail "$file has another sum than $sum"
		n=$((n + 1))
	done < <(
		grep -oE '/keysweep_[^"]*"|sha256 "[0-9a-f]+' "$release/keysweep.rb" | sed 's/^.*["/]\(.\)/\1/; s/"$//' | paste -d' ' - -
		python3 -c 'import json, sys
for a in json.load(open(sys.argv[1]))["architecture"].values(): print(a["url"].split("/")[-1], a["hash"])' "$release/keysweep.json"
	)
	[ $n = 6 ] || fail "$n archives are named"
	unzip -l "$release/keysweep_${version}_windows_amd64.zip" | grep -q " keysweep_${version}_windows_amd64/keysweep.exe$" || fail "Scoop would not find the program"
	formula
	line keysweep.rb "$(find "$temp/brew" -type f | wc -l)" "$temp/brew/bin/keysweep"
	line keysweep.json 1
}

# formula does with the formula what Homebrew on Linux would, but for the download.
formula() {
	local name=keysweep_${version}_linux_amd64
	tar -xzf "$release/$name.tar.gz" -C "$temp"
	(cd "$temp/$name" && PREFIX=$temp/brew ruby -r fileutils -e '
class Folder
  def initialize(name) = @path = File.join(ENV["PREFIX"], name)
  def install(what) = (what.is_a?(Hash) ? what : { what => File.basename(what) }).each { |from, to|
    FileUtils.mkdir_p(@path)
    FileUtils.cp(from, File.join(@path, to))
  }
end
class Formula
  %i[desc homepage version license test on_macos on_arm url sha256].each { |word| define_singleton_method(word) { |*| } }
  %i[on_linux on_intel].each { |word| define_singleton_method(word) { |&block| block.call } }
  { bin: "bin", man1: "share/man/man1", doc: "share/doc/keysweep", bash_completion: "etc/bash_completion.d", zsh_completion: "share/zsh/site-functions",
    fish_completion: "share/fish/vendor_completions.d" }.each { |word, path| define_method(word) { Folder.new(path) } }
end
load ARGV[0]
Keysweep.new.install' "$release/keysweep.rb")
	tried keysweep.rb "$temp/brew/bin/keysweep"
}

# The step of docs/releasing.md that gives the module an address, in a copy.
module() {
	local folder=$temp/module address=github.com/keysweep/keysweep
	git clone -q --shared . "$folder"
	(
		cd "$folder"
		eval "$(sed -n '/^<!-- module path -->$/,/^```$/p' docs/releasing.md | sed '1,2d;$d')"
		go vet . ./command/...
		CGO_ENABLED=0 go -C sweep vet -trimpath -tags urfave_cli_no_docs ./...
		go test . -run "TestArrows|TestDesign" >/dev/null
		git -c user.name=a -c user.email=a@example.com commit -qam 'The address'
		git tag "v$version"
		mkdir "$temp/gobin"
		# The libraries come from the cache of modules, as from a proxy.
		GOPROXY=file://$(go env GOMODCACHE)/cache/download GOMODCACHE=$temp/modules GOFLAGS=-modcacherw GOSUMDB=off \
			GOBIN=$temp/gobin GOPRIVATE=$address GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=url.file://$folder/.git.insteadOf GIT_CONFIG_VALUE_0=https://$address \
			go install "$address@v$version"
		source="go install" tried "go install" "$temp/gobin/keysweep"
		echo "go install $address@v$version: installed, run"
	)
}

for kind in "${kinds[@]}"; do $kind; done
