// The test machinery itself: vit-opt, FileCheck, not, split-file and the substitutions are all found.
// RUN: vit-opt %s | FileCheck %s
// RUN: not vit-opt --no-such-option %s 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: vit-opt --show-dialects | FileCheck %s --check-prefix=DIALECTS
// RUN: split-file %s %t && test -f %t/part
// RUN: test -f %testdir/lit.cfg.py
// RUN: test -d %models
// RUN: %python --version
// RUN: %cc --version

// CHECK-LABEL: func.func @identity
// CHECK-SAME:    (%[[X:.*]]: tensor<2xf32>)
// CHECK:         return %[[X]]
func.func @identity(%x: tensor<2xf32>) -> tensor<2xf32> {
  return %x : tensor<2xf32>
}
// UNKNOWN: Unknown command line argument '--no-such-option'
// DIALECTS: vit

//--- part
// nothing
