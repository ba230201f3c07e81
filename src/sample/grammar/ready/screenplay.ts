import { words } from './words.ts'

/** Scenes of a screenplay: headings, action, who speaks and what, parted by empty lines. */
export const screenplay = `
root       ::= scene ("\\n\\n" scene)*
scene      ::= heading ("\\n\\n" (sentences | dialogue | transition))+
heading    ::= ("INT." | "EXT." | "INT./EXT.") " " place " - " time
time       ::= "DAY" | "NIGHT" | "MORNING" | "EVENING" | "DAWN" | "DUSK" | "LATER" | "CONTINUOUS"

dialogue   ::= name voice? "\\n" (parenthesis "\\n")? sentences
voice      ::= " (" ("V.O." | "O.S." | "CONT'D") ")"
parenthesis ::= "(" word (" " word){0,3} ")"
transition ::= "CUT TO:" | "DISSOLVE TO:" | "SMASH CUT TO:" | "FADE OUT."

place      ::= name (" " name)?
name       ::= [A-ZÀ-ÖØ-ÞŒ]{2,9}
sentences  ::= sentence{1,3}
sentence   ::= " " word (mark? " " word){1,13} mark? " " last [.!?]
${words}`
