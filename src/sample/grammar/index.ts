export { type CharacterRange, type CharacterSet, characterSet } from './character-set.ts'
export {
  characters,
  choice,
  type Expression,
  type Grammar,
  grammarOf,
  optional,
  repeat,
  rule,
  sequence,
  text,
} from './expression.ts'
export { formOf, readyGrammars } from './form.ts'
export { gbnfGrammar } from './gbnf.ts'
export { GrammarConstraint } from './grammar-constraint.ts'
export { jsonSchemaGrammar } from './json/json-schema.ts'
export { regexGrammar } from './regular-expression.ts'
export { type Vocabulary, vocabularyOf, vocabularyOfTokenizer } from './vocabulary.ts'
