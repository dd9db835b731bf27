# little-memory.sh DIRECTORY: compiles with less and less memory. Each run ends well or with 4 and one message, and
# leaves nothing in the directory but what it finished.
for kilobytes in 1000000 800000 700000 600000 500000 450000; do
  code=0
  (ulimit -v $kilobytes; vitc compile preset:vit_tiny_patch16_224 --target x86-64 -o "$1/m.so") 2> "$1/stderr" || code=$?
  case $code in
  0) rm "$1"/m.so "$1"/*.h "$1"/*.vitw ;;
  4) grep -cqE '^vitc: error: (out of memory|could not start a thread|.*Cannot allocate memory)' "$1/stderr" ;;
  127) ;; # the dynamic loader itself ran out
  *) false ;;
  esac || { echo "$kilobytes kB: exit code $code"; cat "$1/stderr"; exit 1; }
  rm "$1/stderr"
done
