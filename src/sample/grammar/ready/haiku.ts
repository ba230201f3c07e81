import { words } from './words.ts'

/** A haiku's three lines, of two to five, three to seven and two to five words; its syllables are the model's affair. */
export const haiku = `
root  ::= short "\\n" long "\\n" short
short ::= (" " word){1,4} " " last end?
long  ::= (" " word){2,6} " " last end?
end   ::= mark | [.!?]
${words}`
