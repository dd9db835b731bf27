#include "compiler/Driver/Commands.h"
#include "compiler/Driver/Text.h"

using namespace vitc;
using llvm::opt::Option;

static constexpr size_t kLineWidth = 100;

/// Prints `text` from column `column` on, wrapped with an indent of `indent`.
static void printWrapped(llvm::raw_ostream &os, llvm::StringRef text, size_t indent, size_t column) {
  llvm::SmallVector<llvm::StringRef> words;
  text.split(words, ' ', -1, /*KeepEmpty=*/false);
  for (llvm::StringRef word : words) {
    if (column > indent && column + 1 + word.size() > kLineWidth) {
      os << "\n";
      column = 0;
    } else if (column > indent) {
      os << " ";
      ++column;
    }
    for (; column < indent; ++column)
      os << " ";
    os << word;
    column += word.size();
  }
  os << "\n";
}

static void printOptions(llvm::raw_ostream &os, OptionVisibility command) {
  std::vector<std::pair<std::string, std::string>> rows;
  const llvm::opt::OptTable &table = optionTable();
  for (unsigned id = 1; id <= table.getNumOptions(); ++id) {
    Option option = table.getOption(id);
    const char *text = table.getOptionHelpText(id, llvm::opt::Visibility(command));
    if (!text || !option.hasVisibilityFlag(command))
      continue;
    std::string left = option.getPrefixedName().str();
    if (const char *meta = table.getOptionMetaVar(id))
      left += std::string(" ") + meta;
    if (id == OPT_help)
      left = "-h, " + left;
    rows.emplace_back(left, text);
  }
  size_t width = 0;
  for (auto &[left, text] : rows)
    width = std::max(width, left.size());
  os << "\nOptions:\n";
  for (auto &[left, text] : rows) {
    os << "  " << left;
    os.indent(static_cast<unsigned>(width - left.size() + 2));
    printWrapped(os, text, width + 4, width + 4);
  }
}

void vitc::printHelp(llvm::raw_ostream &os) {
  os << "vitc compiles Vision Transformers to libraries that need no framework.\n\n"
        "Usage: vitc COMMAND [ARGUMENTS]\n\nCommands:\n";
  for (const CommandInfo &command : allCommands()) {
    os << "  " << command.name;
    os.indent(static_cast<unsigned>(10 - command.name.size()));
    os << command.summary << "\n";
  }
  os << "  help      show this text, or that of a command: vitc help compile\n";
  printOptions(os, TopVis);
  os << "\nMODEL is a directory (vit.json, config.json of Hugging Face or timm, or open_clip_config.json, "
        "with\n"
        "weights), an .onnx file, a file of weights alone, a vit dialect .mlir file, or preset:NAME with "
        "seeded\n"
        "random weights (preset:vit_base_patch16_224). LIB is a library that vitc compiled: .so, .a or "
        ".o.\n\n"
        "Exit codes: 0 done, 1 the input is at fault, 2 the command line is, 3 a bug of vitc, 4 the "
        "environment is\n"
        "(disk, memory, permission), 5 a verification exceeded its bound.\n\n"
        "Example:\n"
        "  vitc compile path/to/vit-base-patch16-224 -o vit.so && vitc classify vit.so cat.jpg\n";
}

void vitc::printHelp(llvm::raw_ostream &os, const CommandInfo &command) {
  os << "vitc " << command.name << ": " << command.summary << "\n\nUsage: vitc " << command.name;
  if (!command.usage.empty())
    os << " " << command.usage;
  os << "\n\n";
  llvm::SmallVector<llvm::StringRef> paragraphs;
  command.details.split(paragraphs, '\n');
  for (llvm::StringRef paragraph : paragraphs)
    printWrapped(os, paragraph, 0, 0);
  printOptions(os, command.visibility);
  os << "\nExamples:\n";
  llvm::SmallVector<llvm::StringRef> examples;
  command.examples.split(examples, '\n');
  for (llvm::StringRef example : examples)
    os << "  " << example << "\n";
}
