/** A sonnet's fourteen lines, of three to twelve words each; metre and rhyme are the model's affair. */
export const sonnet = `
root ::= line ("\\n" line){13}
line ::= word (" " word){2,11}
word ::= [^\\x00-\\x20\\x7f-\\xa0]{1,24}
`
