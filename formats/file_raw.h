// What formats/out.c needs opened; formats/file.c is the only place that opens. A descriptor or -1.
#ifndef OINF_FORMATS_FILE_RAW_H
#define OINF_FORMATS_FILE_RAW_H

int oi_raw_folder(const char *path);
int oi_raw_nameless(int folder);                   // a file without a name in this folder
int oi_raw_create(int folder, const char *name);   // fails where the name is taken, by a link too

#endif
