#include "compiler/Support/Error.h"
#include "llvm/Support/raw_ostream.h"

using namespace vitc;

char UserError::ID = 0;

void UserError::log(llvm::raw_ostream &os) const { os << message; }

std::error_code UserError::convertToErrorCode() const { return llvm::inconvertibleErrorCode(); }

ExitCode vitc::exitCodeOf(const llvm::Error &error) {
  ExitCode code = ExitCode::Environment;
  llvm::visitErrors(error, [&](const llvm::ErrorInfoBase &info) {
    if (info.isA<UserError>())
      code = static_cast<const UserError &>(info).getExitCode();
  });
  return code;
}
