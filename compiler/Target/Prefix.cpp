#include "compiler/Target/Prefix.h"
#include "compiler/Support/Error.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace vitc;

static constexpr size_t kMaxLength = 64;

bool vitc::isReservedWord(llvm::StringRef word) {
  static const llvm::StringSet<> words = {
      // C and C++
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case",
      "catch", "char", "char8_t", "char16_t", "char32_t", "class", "co_await", "co_return", "co_yield",
      "compl", "concept", "const", "const_cast", "consteval", "constexpr", "constinit", "continue",
      "decltype", "default", "delete", "do", "double", "dynamic_cast", "else", "enum", "explicit", "export",
      "extern", "false", "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable",
      "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or", "or_eq", "private",
      "protected", "public", "register", "reinterpret_cast", "requires", "restrict", "return", "short",
      "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template", "this",
      "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "typeof", "typeof_unqual",
      "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
      // macros of the standard headers and of GNU C's default mode
      "complex", "errno", "imaginary", "linux", "noreturn", "offsetof", "unix", "assert"};
  return words.contains(word);
}

/// NAME.h must not hide a system header of the same name, and NAME_create must not be a system function.
static bool isTakenName(llvm::StringRef name) {
  static const llvm::StringSet<> names = {
      "aio", "assert", "complex", "ctype", "dirent", "dlfcn", "errno", "fcntl", "features", "fenv", "float",
      "glob", "inttypes", "iso646", "limits", "link", "locale", "malloc", "math", "memory", "netdb", "poll",
      "pthread", "sched", "semaphore", "setjmp", "signal", "spawn", "stdalign", "stdarg", "stdatomic",
      "stdbool", "stdckdint", "stdbit", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string",
      "strings", "syslog", "tgmath", "threads", "time", "uchar", "unistd", "values", "wchar", "wctype",
      // pthread_create, timer_create, thrd_create, sem_destroy, ...
      "cnd", "mtx", "sem", "thrd", "timer"};
  return names.contains(name) || name == "vitc" || name.starts_with("vitc_");
}

static bool isTaken(llvm::StringRef name) {
  std::string lower = name.lower();
  return isReservedWord(lower) || isTakenName(lower);
}

std::string vitc::prefixFrom(llvm::StringRef name) {
  std::string result;
  for (char c : name) {
    if (llvm::isAlnum(c))
      result += llvm::toLower(c);
    else if (!result.empty() && result.back() != '_')
      result += '_';
    if (result.size() == kMaxLength)
      break;
  }
  while (!result.empty() && result.back() == '_')
    result.pop_back();
  if (result.empty())
    return "model";
  if (llvm::isDigit(result.front()) || isTaken(result))
    result = ("model_" + result).substr(0, kMaxLength);
  return result;
}

llvm::Error vitc::checkPrefix(llvm::StringRef prefix) {
  auto refuse = [&](const char *why) {
    std::string suggestion = prefixFrom(prefix);
    return makeError(ExitCode::Usage,
                     "expected a C identifier as the model's name, got '{}', which {}; try '{}'",
                     prefix.str(), why, suggestion);
  };
  if (prefix.empty())
    return refuse("is empty");
  if (prefix.size() > kMaxLength)
    return refuse("is longer than 64 characters");
  if (!llvm::all_of(prefix, [](char c) { return llvm::isAlnum(c) || c == '_'; }))
    return refuse("has other characters than letters, digits and underscores");
  if (!llvm::isAlpha(prefix.front()))
    return refuse("does not start with a letter");
  if (isTaken(prefix))
    return refuse("has a meaning in C or in vitc");
  return llvm::Error::success();
}
