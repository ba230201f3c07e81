import { words } from './words.ts'

/** A sonnet's fourteen lines, of four to nine words each; metre and rhyme are the model's affair. */
export const sonnet = `
root ::= line ("\\n" line){13}
line ::= " " word (mark? " " word){2,7} mark? " " last end?
end  ::= mark | [.!?]
${words}`
