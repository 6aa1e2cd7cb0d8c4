//go:build tools

package lab

import _ "github.com/authelia/authelia/v4/cmd/authelia"
