// Package oracle judges a run of the fault suite from what was logged around the sidecars. It shares no code with them.
package oracle
