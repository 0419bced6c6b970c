// Package plot draws lines and bars as SVG that belongs into a page: it has no
// colours and no font of its own but classes for the page's style sheet ([Style] is
// one for light and dark), it grows and shrinks with its place, and it has a title
// and a description for those who do not see it.
//
// It is made by hand, and not by a plotting library, since those write colours and
// sizes into the picture, so that it can follow neither the reader's light nor the
// reader's phone.
//
// Series are told apart by colour, by dashes and by the shape of their points. A
// point can have an interval; it is drawn as a line through it.
package plot
