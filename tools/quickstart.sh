#!/usr/bin/env bash
# Builds vitc, compiles the bundled model into a library, links a C program against it and classifies pictures.
# Needs Debian 12 and, if packages are missing, root or sudo. A second run does only what is needed.
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

model=examples/models/vit-fashion-mnist
pictures=examples/pictures
out=build/quickstart
vitc=$build/bin/vitc

# newer FILE OTHER...: FILE exists and is newer than every other file.
newer() {
  local file=$1 other
  for other in "${@:2}"; do [ "$file" -nt "$other" ] || return 1; done
}
run() { printf '    %s\n' "$*"; "$@"; }

mkdir -p $out
need_packages "${build_packages[@]}"
# The tests need more packages than this script installs; a tree that check.sh configured is left as it is.
[ -f $build/build.ninja ] || configure -DVITC_BUILD_TESTS=OFF
say "building vitc"
cmake --build --preset release --target vitc

if ! newer $out/vit_fashion_mnist.a $vitc $model/*.json $model/*.safetensors; then
  say "compiling $model into a library"
  run $vitc compile $model -o $out/vit_fashion_mnist.a
fi
if ! newer $out/classify $out/vit_fashion_mnist.a examples/classify/classify.c; then
  say "linking examples/classify against it"
  run clang-22 -O2 -I $out examples/classify/classify.c $out/vit_fashion_mnist.a -lpng -lm -o $out/classify
fi
if ! newer $out/annotated/0000_ankle-boot.png $vitc $model/*.json $model/*.safetensors; then
  say "writing annotated pictures to $out/annotated"
  printf '    %s\n' "$vitc classify $model $pictures/*.png --annotate $out/annotated"
  $vitc classify $model $pictures/*.png --annotate $out/annotated >$out/vitc-classify.txt
fi

say "classifying the pictures of $pictures (annotated copies: $out/annotated)"
$out/classify $pictures/*.png
