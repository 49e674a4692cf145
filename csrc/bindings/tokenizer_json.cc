#include "bindings/tokenizer_json.h"

#include <pybind11/stl.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/text/base64.h"
#include "core/text/bert_text.h"
#include "core/text/bpe.h"
#include "core/text/byte_level.h"
#include "core/text/json_number.h"
#include "core/text/metaspace.h"
#include "core/text/normalizers.h"
#include "core/text/pre_tokenizers.h"
#include "core/text/precompiled.h"
#include "core/text/split.h"
#include "core/text/split_patterns.h"
#include "core/text/unigram.h"
#include "core/text/utf8.h"
#include "core/text/whitespace.h"
#include "core/text/wordpiece.h"

namespace py = pybind11;

namespace rerank::bindings {
namespace {

template <class T>
T get(const py::dict& step, const char* name) {
  if (!step.contains(name)) throw std::invalid_argument(std::string("there is no ") + name);
  return step[name].cast<T>();
}

template <class T>
T get_or(const py::dict& step, const char* name, T otherwise) {
  return step.contains(name) && !step[name].is_none() ? step[name].cast<T>() : otherwise;
}

std::string type_of(const py::dict& step) { return get<std::string>(step, "type"); }

// The steps of a Sequence, or the step itself; none for null.
std::vector<py::dict> steps_of(const py::object& component, const char* name) {
  if (component.is_none()) return {};
  const auto step = component.cast<py::dict>();
  if (type_of(step) != "Sequence") return {step};
  std::vector<py::dict> steps;
  for (const py::handle inner : get<py::list>(step, name)) {
    for (py::dict& each : steps_of(py::reinterpret_borrow<py::object>(inner), name))
      steps.push_back(std::move(each));
  }
  return steps;
}

struct Pattern {
  bool is_regex;
  std::string text;
};

Pattern pattern_of(const py::dict& step) {
  const auto pattern = get<py::dict>(step, "pattern");
  if (pattern.contains("Regex")) return {true, get<std::string>(pattern, "Regex")};
  return {false, get<std::string>(pattern, "String")};
}

BertTextOptions bert_options(const py::dict& step) {
  return {get_or(step, "clean_text", true), get_or(step, "handle_chinese_chars", true),
          get_or<std::optional<bool>>(step, "strip_accents", std::nullopt),
          get_or(step, "lowercase", true)};
}

// What a step says of text that is cut before a single space, see TokenizerParts::splits_at_spaces.
struct ReadNormalizer {
  NormalizerPtr normalizer;
  bool cuts_at_spaces;
};

ReadNormalizer read_normalizer(const py::dict& step) {
  const std::string type = type_of(step);
  if (type == "BertNormalizer") return {make_bert_normalizer(bert_options(step)), true};
  if (type == "NFC") return {make_normal_form(NormalForm::kNfc), true};
  if (type == "NFD") return {make_normal_form(NormalForm::kNfd), true};
  if (type == "NFKC") return {make_normal_form(NormalForm::kNfkc), true};
  if (type == "NFKD") return {make_normal_form(NormalForm::kNfkd), true};
  if (type == "Lowercase") return {make_lowercase(), true};
  if (type == "StripAccents") return {make_strip_accents(), true};
  if (type == "Nmt") return {make_nmt(), true};
  if (type == "Precompiled") {
    const auto rules = get_or<std::string>(step, "precompiled_charsmap", "");
    NormalizerPtr made = make_precompiled(decode_base64(rules));
    const bool cuts_at_spaces = keeps_ascii_words(*made);
    return {std::move(made), cuts_at_spaces};
  }
  if (type == "Strip") {
    const auto left = get<bool>(step, "strip_left");
    return {make_strip(left, get<bool>(step, "strip_right")), !left};
  }
  if (type == "Prepend") return {make_prepend(get<std::string>(step, "prepend")), false};
  if (type == "Replace") {
    const auto [is_regex, text] = pattern_of(step);
    const auto content = get<std::string>(step, "content");
    return {is_regex ? make_regex_replace(text, content) : make_replace(text, content),
            is_regex && text == " {2,}"};
  }
  throw std::invalid_argument("the normalizer " + type + " is not implemented");
}

MetaspaceOptions metaspace_options(const py::dict& step) {
  MetaspaceOptions options;
  const auto replacement = get<std::string>(step, "replacement");
  if (replacement.empty() || decode(replacement, 0).size != replacement.size())
    throw std::invalid_argument("Metaspace needs a replacement of one character");
  options.replacement = decode(replacement, 0).value;
  options.split = get_or(step, "split", true);
  const auto scheme = get_or<std::string>(step, "prepend_scheme", "always");
  // In files from before prepend_scheme.
  if (!get_or(step, "add_prefix_space", true) && scheme != "never")
    throw std::invalid_argument("Metaspace without add_prefix_space needs prepend_scheme never");
  if (scheme == "first")
    options.prepend_scheme = PrependScheme::kFirst;
  else if (scheme == "never")
    options.prepend_scheme = PrependScheme::kNever;
  else if (scheme != "always")
    throw std::invalid_argument("Metaspace has no prepend_scheme " + scheme);
  return options;
}

PreTokenizerPtr read_pre_tokenizer(const py::dict& step) {
  const std::string type = type_of(step);
  if (type == "BertPreTokenizer") return make_bert_pre_tokenizer();
  if (type == "Whitespace") return make_whitespace();
  if (type == "WhitespaceSplit") return make_whitespace_split();
  if (type == "Metaspace") return make_metaspace(metaspace_options(step));
  if (type == "Digits") return make_digits(get<bool>(step, "individual_digits"));
  if (type == "FixedLength") return make_fixed_length(get<std::size_t>(step, "length"));
  if (type == "Punctuation")
    return make_punctuation(split_behavior(get_or<std::string>(step, "behavior", "Isolated")));
  if (type == "ByteLevel")
    return make_byte_level(get<bool>(step, "add_prefix_space"), get_or(step, "use_regex", true));
  if (type == "CharDelimiterSplit") {
    const auto delimiter = get<std::string>(step, "delimiter");
    if (delimiter.empty()) throw std::invalid_argument("CharDelimiterSplit needs a delimiter");
    return make_char_delimiter_split(decode(delimiter, 0).value);
  }
  if (type == "Split") {
    const auto [is_regex, text] = pattern_of(step);
    const SplitBehavior behavior = split_behavior(get<std::string>(step, "behavior"));
    const auto invert = get<bool>(step, "invert");
    return is_regex ? make_regex_split(text, behavior, invert)
                    : make_literal_split(text, behavior, invert);
  }
  throw std::invalid_argument("the pre-tokenizer " + type + " is not implemented");
}

bool cuts_at_spaces(const std::vector<py::dict>& pre_tokenizers) {
  for (const py::dict& step : pre_tokenizers) {
    const std::string type = type_of(step);
    if (type == "Split") {
      const auto [is_regex, text] = pattern_of(step);
      if (!is_regex || get<bool>(step, "invert") ||
          get<std::string>(step, "behavior") != "Isolated")
        return false;
      if (!splits_at_spaces(text)) continue;  // to each side of a space by itself
      return true;
    }
    if (type == "Metaspace") {
      const MetaspaceOptions options = metaspace_options(step);
      return options.split && options.prepend_scheme != PrependScheme::kFirst;
    }
    return type == "BertPreTokenizer" || type == "Whitespace" || type == "WhitespaceSplit" ||
           (type == "ByteLevel" && get_or(step, "use_regex", true));
  }
  return false;
}

PreTokenizerPtr read_pre_tokenizers(const std::vector<py::dict>& steps, bool has_normalizer) {
  const auto is = [&](std::size_t i, const char* type) { return type_of(steps[i]) == type; };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (is(i, "ByteLevel") && i + 1 != steps.size())
      throw std::invalid_argument(
          "a ByteLevel pre-tokenizer is not implemented before another one");
    // What "first" means depends on where each character came from.
    if (is(i, "Metaspace") && (i > 0 || has_normalizer) &&
        metaspace_options(steps[i]).prepend_scheme == PrependScheme::kFirst)
      throw std::invalid_argument("prepend_scheme first is not implemented behind other steps");
  }
  if (steps.size() == 2 && is(0, "WhitespaceSplit") && is(1, "Metaspace"))
    return make_whitespace_metaspace(metaspace_options(steps[1]));
  std::vector<PreTokenizerPtr> made;
  for (const py::dict& step : steps) made.push_back(read_pre_tokenizer(step));
  return make_pre_tokenizer_sequence(std::move(made));
}

std::vector<std::pair<std::string, std::int32_t>> read_vocabulary(const py::dict& model) {
  std::vector<std::pair<std::string, std::int32_t>> pieces;
  const auto vocabulary = get<py::dict>(model, "vocab");
  pieces.reserve(vocabulary.size());
  for (const auto& [piece, id] : vocabulary)
    pieces.emplace_back(piece.cast<std::string>(), id.cast<std::int32_t>());
  return pieces;
}

TokenModelPtr read_word_piece(const py::dict& model) {
  return std::make_unique<WordPiece>(
      read_vocabulary(model),
      WordPieceOptions{get<std::string>(model, "unk_token"),
                       get_or<std::string>(model, "continuing_subword_prefix", "##"),
                       get_or<std::size_t>(model, "max_input_chars_per_word", 100)});
}

// Numbers with a fraction come as they are written: see json_number.h.
double read_number(const py::handle& number) {
  return py::isinstance<py::str>(number) ? json_number(number.cast<std::string>())
                                         : number.cast<double>();
}

TokenModelPtr read_unigram(const py::dict& model) {
  Unigram::Pieces pieces;
  const auto vocabulary = get<py::list>(model, "vocab");
  pieces.reserve(vocabulary.size());
  for (const py::handle entry : vocabulary) {
    const auto pair = entry.cast<py::list>();
    if (pair.size() != 2)
      throw std::invalid_argument("a piece of Unigram is not a string and a score");
    pieces.emplace_back(pair[0].cast<std::string>(), read_number(pair[1]));
  }
  return std::make_unique<Unigram>(
      pieces, get_or<std::optional<std::size_t>>(model, "unk_id", std::nullopt),
      get_or(model, "byte_fallback", false));
}

std::pair<std::string, std::string> read_merge(const py::handle& merge) {
  if (!py::isinstance<py::str>(merge)) return merge.cast<std::pair<std::string, std::string>>();
  const auto text = merge.cast<std::string>();
  const std::size_t space = text.find(' ');
  if (space == text.npos || text.find(' ', space + 1) != text.npos)
    throw std::invalid_argument("the merge \"" + text + "\" is not two pieces");
  return {text.substr(0, space), text.substr(space + 1)};
}

TokenModelPtr read_bpe(const py::dict& model, bool byte_level) {
  BpeOptions options;
  options.vocab = read_vocabulary(model);
  const auto merges = get<py::list>(model, "merges");
  options.merges.reserve(merges.size());
  for (const py::handle merge : merges) options.merges.push_back(read_merge(merge));
  // Dropout is for training: a score is no matter of chance.
  options.unk_token = get_or<std::optional<std::string>>(model, "unk_token", std::nullopt);
  options.continuing_subword_prefix = get_or<std::string>(model, "continuing_subword_prefix", "");
  options.end_of_word_suffix = get_or<std::string>(model, "end_of_word_suffix", "");
  options.fuse_unk = get_or(model, "fuse_unk", false);
  options.byte_fallback = get_or(model, "byte_fallback", false);
  options.ignore_merges = get_or(model, "ignore_merges", false);
  options.byte_level = byte_level;
  return std::make_unique<Bpe>(options);
}

// Old files do not say which model they hold.
std::string model_type(const py::dict& model) {
  if (model.contains("type")) return type_of(model);
  if (model.contains("merges")) return "BPE";
  if (model.contains("continuing_subword_prefix")) return "WordPiece";
  return model.contains("unk_id") ? "Unigram" : "of no type";
}

TokenModelPtr read_model(const py::dict& model, bool byte_level) {
  const std::string type = model_type(model);
  if (type == "BPE") return read_bpe(model, byte_level);
  if (byte_level) throw std::invalid_argument("ByteLevel is only implemented with BPE");
  if (type == "WordPiece") return read_word_piece(model);
  if (type == "Unigram") return read_unigram(model);
  throw std::invalid_argument("the model " + type + " is not implemented");
}

TokenizerParts::Token read_added_token(const py::dict& token) {
  return {{get<std::string>(token, "content"), get<std::int32_t>(token, "id"),
           get<bool>(token, "single_word"), get<bool>(token, "lstrip"), get<bool>(token, "rstrip")},
          get<bool>(token, "normalized")};
}

}  // namespace

TokenizerParts read_tokenizer(const py::dict& json) {
  TokenizerParts parts;
  for (const py::handle token : get_or(json, "added_tokens", py::list()))
    parts.added_tokens.push_back(read_added_token(token.cast<py::dict>()));

  const auto normalizers =
      steps_of(get_or<py::object>(json, "normalizer", py::none()), "normalizers");
  const auto pre_tokenizers =
      steps_of(get_or<py::object>(json, "pre_tokenizer", py::none()), "pretokenizers");
  const auto is_one = [](const std::vector<py::dict>& steps, const char* type) {
    return steps.size() == 1 && type_of(steps.front()) == type;
  };

  parts.splits_at_spaces = cuts_at_spaces(pre_tokenizers);
  std::vector<NormalizerPtr> made;
  for (const py::dict& step : normalizers) {
    ReadNormalizer read = read_normalizer(step);
    parts.splits_at_spaces = parts.splits_at_spaces && read.cuts_at_spaces;
    made.push_back(std::move(read.normalizer));
  }
  parts.normalizer = make_normalizer_sequence(std::move(made));
  parts.pre_tokenizer = read_pre_tokenizers(pre_tokenizers, !normalizers.empty());
  if (is_one(normalizers, "BertNormalizer") && is_one(pre_tokenizers, "BertPreTokenizer"))
    parts.bert_text = bert_options(normalizers.front());

  const bool byte_level = !pre_tokenizers.empty() && type_of(pre_tokenizers.back()) == "ByteLevel";
  parts.model = read_model(get<py::dict>(json, "model"), byte_level);
  return parts;
}

}  // namespace rerank::bindings
