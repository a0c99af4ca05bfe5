// Package page tests the page of the admin listener in a real Chromium. The browser's part are the *.test.mjs files, run by node's own test
// runner; the Go tests here start what they look at and tell them where it is.
//
// Goroutines: those of the servers under test; each test waits for them.
package page
