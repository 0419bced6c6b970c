// Package browsertest lets a test look at a page as a user's browser shows it:
// chromium, without a window, told what to do through a pipe by the DevTools
// protocol (https://chromedevtools.github.io/devtools-protocol/).
//
// It is in the lowest room, beside leaktest, because the tests of examples and of
// bench both use it.
package browsertest
