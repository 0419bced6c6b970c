// Package page makes one HTML file of results: tables and plots of everything that
// was measured, with where and how. It opens offline and needs no script, since
// everything is in it; it follows the reader's light and screen; and each plot has its
// numbers as a table below it.
package page
