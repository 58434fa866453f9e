// Package jsonschema describes Go types as JSON Schema, as package codec writes and reads them.
//
// Its schemas use what the drafts 7 and 2020-12 have in common, except for prefixItems of 2020-12.
//
// For what is sent, every value that the codec writes is valid. For what is received, every valid value decodes, except
// that keywords do not say everything: format and contentEncoding, numbers such as 1.0, which are integers for JSON
// Schema, keys of maps that are out of their range, and names that differ in case from a known one. The codec accepts
// more than the schemas: null for every type, and bytes as base64 where a schema says binary.
package jsonschema
