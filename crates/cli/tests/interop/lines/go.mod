module ottla-interop/lines

go 1.23
