/**
 * Rules that the forms of verse and speech share.
 *
 * Most vocabularies spell a word with the blank before it, and have but fragments to begin a line with a bare letter.
 * So a line is indented by one blank: the model goes on as in prose. A line's last word begins with none of the letters
 * that most of English's small words begin with, so that no line breaks off after "the" or "of".
 */
export const words = `
word ::= [a-zà-öø-ÿœ]{2,12} | [A-ZÀ-ÖØ-ÞŒ] [a-zà-öø-ÿœ]{2,11} | [aIOày]
last ::= [cdgj-np-suvz] [a-zà-öø-ÿœ]{3,9}
mark ::= [,;:]
`
