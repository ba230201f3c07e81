/** A haiku's three lines, of one to eight words each; its syllables are the model's affair. */
export const haiku = `
root ::= line "\\n" line "\\n" line
line ::= word (" " word){0,7}
word ::= [^\\x00-\\x20\\x7f-\\xa0]{1,24}
`
