// Package client runs the TypeScript client of package contract/typescript against servers, in Node and in a browser. The application is
// that of kitchen_test.go, its client is in ts/api.
package client
