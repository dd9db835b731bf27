#include "compiler/Driver/LabelledPictures.h"
#include "compiler/Support/Error.h"
#include "compiler/Support/Json.h"
#include "compiler/Support/MappedFile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <algorithm>

using namespace vitc;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace {

/// Classes by label and by index.
class Classes {
public:
  Classes(llvm::ArrayRef<std::string> labels, int64_t count) : count(count) {
    for (auto [i, label] : llvm::enumerate(labels)) {
      auto [it, fresh] = byLabel.try_emplace(label, static_cast<int64_t>(i));
      if (!fresh)
        it->second = kAmbiguous;
    }
  }

  /// The class that `name` means, or nothing.
  std::optional<int64_t> find(llvm::StringRef name) const {
    auto it = byLabel.find(name);
    if (it != byLabel.end() && it->second != kAmbiguous)
      return it->second;
    int64_t index;
    if (!name.getAsInteger(10, index) && index >= 0 && index < count)
      return index;
    return std::nullopt;
  }

  /// Why `name` means no class, for messages.
  std::string complaint(llvm::StringRef name) const {
    auto it = byLabel.find(name);
    if (it != byLabel.end())
      return fmt::format("'{}', which several classes are called; use their indices", quoteForMessage(name));
    return "'" + quoteForMessage(name) + "'";
  }
  int64_t count;

private:
  static constexpr int64_t kAmbiguous = -1;
  llvm::StringMap<int64_t> byLabel;
};

bool isPicture(llvm::StringRef file) {
  std::string suffix = path::extension(file).lower();
  return llvm::is_contained({".png", ".jpg", ".jpeg"}, suffix);
}

/// Entries of a directory, sorted: folders, or pictures.
llvm::Expected<std::vector<std::string>> entries(llvm::StringRef directory, bool folders) {
  std::vector<std::string> result;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; it != end && !error; it.increment(error)) {
    fs::file_status status;
    if (fs::status(it->path(), status))
      continue;
    bool folder = status.type() == fs::file_type::directory_file;
    if (folders ? folder : status.type() == fs::file_type::regular_file && isPicture(it->path()))
      result.push_back(it->path());
  }
  if (error)
    return makeError(ExitCode::Environment, "{}: could not be read: {}", directory.str(), error.message());
  std::sort(result.begin(), result.end());
  return result;
}

llvm::Expected<std::vector<LabelledPicture>> fromFolders(llvm::StringRef directory, const Classes &classes,
                                                         Console &console) {
  llvm::Expected<std::vector<std::string>> folders = entries(directory, /*folders=*/true);
  if (!folders)
    return folders.takeError();
  std::vector<std::optional<int64_t>> labels;
  for (const std::string &folder : *folders)
    labels.push_back(classes.find(path::filename(folder)));
  bool anyKnown = llvm::any_of(labels, [](const auto &label) { return label.has_value(); });
  if (!anyKnown && !folders->empty() && static_cast<int64_t>(folders->size()) == classes.count) {
    console.note(
        fmt::format("{}: no folder is called by a label or an index; in order of their names they are "
                    "the classes 0 to {}",
                    directory, classes.count - 1));
    for (auto [i, label] : llvm::enumerate(labels))
      label = static_cast<int64_t>(i);
  }
  std::vector<LabelledPicture> result;
  for (auto [folder, label] : llvm::zip_equal(*folders, labels)) {
    if (!label)
      return inputError(
          "{}: expected folders called by a label or an index of the model's {} classes, got {}",
          directory.str(), classes.count, classes.complaint(path::filename(folder)));
    llvm::Expected<std::vector<std::string>> files = entries(folder, /*folders=*/false);
    if (!files)
      return files.takeError();
    for (std::string &file : *files)
      result.push_back({std::move(file), *label});
  }
  if (result.empty())
    return inputError(
        "{}: expected a folder for each class with pictures (.png, .jpg, .jpeg) in it, found none",
        directory.str());
  return result;
}

llvm::Expected<std::vector<LabelledPicture>> fromList(llvm::StringRef file, const Classes &classes) {
  llvm::Expected<std::string> text = readTextFile(file, 256u << 20);
  if (!text)
    return text.takeError();
  std::vector<LabelledPicture> result;
  llvm::StringRef rest = *text, directory = path::parent_path(file);
  for (int64_t number = 1; !rest.empty(); ++number) {
    auto [line, tail] = rest.split('\n');
    rest = tail;
    line = line.trim(" \t\r");
    if (line.empty())
      continue;
    // Paths and labels may hold spaces: the longest end of the line that is a class is the class.
    std::optional<int64_t> label;
    size_t at = line.find_first_of(" \t");
    for (; at != llvm::StringRef::npos; at = line.find_first_of(" \t", at + 1))
      if ((label = classes.find(line.drop_front(at).ltrim(" \t"))))
        break;
    if (!label)
      return inputError(
          "{}:{}: expected a picture and its class, a label or an index of the model's {} classes, "
          "got {}",
          file.str(), number, classes.count, classes.complaint(line.rsplit(' ').second));
    llvm::SmallString<256> picture(line.take_front(at).rtrim(" \t"));
    if (!path::is_absolute(picture)) {
      picture = directory;
      path::append(picture, line.take_front(at).rtrim(" \t"));
    }
    result.push_back({std::string(picture), *label});
  }
  if (result.empty())
    return inputError("{}: expected a picture and its class a line, got an empty file", file.str());
  return result;
}

} // namespace

llvm::Expected<std::vector<LabelledPicture>> vitc::listLabelledPictures(llvm::StringRef path,
                                                                        llvm::ArrayRef<std::string> labels,
                                                                        int64_t classes, Console &console) {
  Classes known(labels, classes);
  fs::file_status status;
  if (std::error_code error = fs::status(path, status)) {
    ExitCode code = error == std::errc::no_such_file_or_directory ? ExitCode::Input : ExitCode::Environment;
    return makeError(code, "{}: expected a folder of pictures or a list of them: {}", path.str(),
                     error.message());
  }
  if (status.type() == fs::file_type::directory_file)
    return fromFolders(path, known, console);
  return fromList(path, known);
}
