#!/bin/bash
# archives.sh FOLDER: packages and images that hold a key in a file; see small.py.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for form in "npm pack" "gem" "umoci layout" "skopeo oci-archive" "skopeo docker-archive" "skopeo docker-archive removed"; do
	mkdir -p "$1/$form"
done
export HOME=$work
while read -r name key; do
	cd "$work"
	rm -rf package gem image removed
	mkdir -p package/config gem/lib
	printf '{"name": "shop", "version": "1.0.0"}\n' >package/package.json
	printf 'STRIPE_KEY=%s\n' "$key" >package/config/production.env
	npm pack --silent --pack-destination "$work" ./package >/dev/null
	mv shop-1.0.0.tgz "$1/npm pack/$name"

	printf 'KEY = "%s"\n' "$key" >gem/lib/shop.rb
	printf 'Gem::Specification.new { |s| s.name = "shop"; s.version = "1"; s.summary = "x"; s.authors = ["x"]; s.files = ["lib/shop.rb"] }\n' >gem/shop.gemspec
	(cd gem && gem build --silent -o "$1/gem/$name" shop.gemspec 2>/dev/null)

	umoci init --layout image >/dev/null
	umoci new --image image:shop >/dev/null
	umoci insert --rootless --image image:shop package/config /app/config >/dev/null
	tar -cf "$1/umoci layout/$name" image
	skopeo --insecure-policy copy -q oci:image:shop "oci-archive:$1/skopeo oci-archive/$name:shop"
	skopeo --insecure-policy copy -q oci:image:shop "docker-archive:$1/skopeo docker-archive/$name:shop:1"
	umoci insert --rootless --opaque --image image:shop --whiteout /app/config >/dev/null 2>&1 ||
		umoci insert --rootless --image image:shop --whiteout /app/config >/dev/null
	skopeo --insecure-policy copy -q oci:image:shop "docker-archive:$1/skopeo docker-archive removed/$name:shop:1"
done
