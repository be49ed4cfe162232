// Package storetest is the one suite that every store passes: the tables of the directory, the snapshot, the records.
//
// It owns what a store must do; it must not know how one does it. An implementation's own test calls [Run].
package storetest
