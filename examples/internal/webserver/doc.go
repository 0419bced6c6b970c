// Package webserver starts servers that were not written here, for the tests of
// examples: nginx, Python's http.server, or any program that says its port. Each is a
// process of its own on a free port, and ends with the test.
package webserver
