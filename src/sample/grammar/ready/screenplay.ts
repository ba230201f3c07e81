/** Scenes of a screenplay: headings, action, who speaks and what, parted by empty lines. */
export const screenplay = `
root       ::= scene ("\\n\\n" scene)*
scene      ::= heading ("\\n\\n" (action | dialogue | transition))+
heading    ::= ("INT." | "EXT." | "INT./EXT.") " " name " - " time
time       ::= "DAY" | "NIGHT" | "MORNING" | "EVENING" | "DAWN" | "DUSK" | "LATER" | "CONTINUOUS"

action     ::= opening rest (" " word){0,40}
dialogue   ::= name voice? "\\n" (parenthesis "\\n")? word (" " word){0,40}
voice      ::= " (" ("V.O." | "O.S." | "CONT'D") ")"
parenthesis ::= "(" lower{1,16} (" " lower{1,16}){0,5} ")"
transition ::= "CUT TO:" | "DISSOLVE TO:" | "SMASH CUT TO:" | "FADE OUT."

name       ::= capital{1,16} (" " capital{1,16}){0,3}
capital    ::= [A-Z0-9'ÀÂÆÇÈÉÊËÎÏÔŒÙÛÜÄÖÑ]
lower      ::= [a-z'àâæçèéêëîïôœùûüäöñß]
opening    ::= [A-ZÀÂÆÇÈÉÊËÎÏÔŒÙÛÜÄÖÑ"“«0-9]
rest       ::= lower{1,20} [,.!?;…]?
word       ::= [A-Za-zÀ-ÖØ-öø-ÿŒœ0-9'’"“”«»-]{1,24} [,.!?;…]{0,3}
`
