/**
 * Speeches of a play, parted by empty lines: who speaks, in capitals and with a colon, then lines of which the last
 * ends a sentence; the first speech may be that of whom the prompt names. Lines begin with bare letters, as in the
 * plays that models of scripts learn from.
 */
export const play = `
root   ::= ("\\n" lines | speech) ("\\n\\n" speech)*
speech ::= name (" " name){0,3} ":\\n" lines
lines  ::= (line "\\n"){0,11} last
name   ::= [A-Z] [A-Z']{1,14}
line   ::= [A-Za-z'] inner{8,60} [a-z,;:.!?]
last   ::= [A-Za-z'] inner{1,60} [.!?]
inner  ::= [A-Za-z ',;:.!?-]
`
