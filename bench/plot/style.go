package plot

import _ "embed" // the style sheet

// Style is the style sheet of the plots, with colours for light and dark. The colours
// of the series are those of Okabe and Ito, which colour-blind people can tell apart,
// darker on light paper.
//
//go:embed style.css
var Style string
