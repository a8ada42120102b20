// Package dependencies puts the services that the sagas call on hold for all
// orders, and releases them: the gateway's side of the hold that
// workflows/contract describes.
//
// It answers with the errors of internal/problem, and every call has a deadline
// of its own. It knows nothing of HTTP and decides nobody's rights.
package dependencies
