# PP_COMPILE_FLAGS([FLAG]...) - add to PP_CFLAGS each FLAG the compiler takes.
AC_DEFUN([PP_COMPILE_FLAGS], [m4_map_args([_PP_COMPILE_FLAG], $@)])
AC_DEFUN([_PP_COMPILE_FLAG], [
	AC_MSG_CHECKING([whether $CC accepts $1])
	pp_saved_CFLAGS=$CFLAGS
	CFLAGS="$CFLAGS -Werror $1"
	AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes]); PP_CFLAGS="$PP_CFLAGS $1"],
		[AC_MSG_RESULT([no])])
	CFLAGS=$pp_saved_CFLAGS
])

# PP_LINK_FLAGS([FLAG]...) - add to PP_LDFLAGS each FLAG the linker takes.
AC_DEFUN([PP_LINK_FLAGS], [m4_map_args([_PP_LINK_FLAG], $@)])
AC_DEFUN([_PP_LINK_FLAG], [
	AC_MSG_CHECKING([whether the linker accepts $1])
	pp_saved_LDFLAGS=$LDFLAGS
	pp_saved_CFLAGS=$CFLAGS
	LDFLAGS="$LDFLAGS -Werror $1"
	CFLAGS="$CFLAGS $PP_CFLAGS"
	AC_LINK_IFELSE([AC_LANG_PROGRAM()],
		[AC_MSG_RESULT([yes]); PP_LDFLAGS="$PP_LDFLAGS $1"],
		[AC_MSG_RESULT([no])])
	LDFLAGS=$pp_saved_LDFLAGS
	CFLAGS=$pp_saved_CFLAGS
])

# PP_FORTIFY - _FORTIFY_SOURCE=3 where the C library knows it; needs -O.
AC_DEFUN([PP_FORTIFY], [
	AS_CASE([" $CFLAGS "], [*" -O0 "*], [], [*" -O"*], [
		PP_CFLAGS="$PP_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"
	])
])

# PP_LIBRARY(VAR, MODULE, DEBIAN-PACKAGE, PURPOSE) - a required library.
AC_DEFUN([PP_LIBRARY], [
	PKG_CHECK_MODULES([$1], [$2], [],
		[AC_MSG_ERROR([$2 ($4) is missing: install Debian's $3])])
])

# PP_PYTHON_WITH_PYTEST - PYTHON becomes an interpreter that has pytest.
AC_DEFUN([PP_PYTHON_WITH_PYTEST], [
	AC_MSG_CHECKING([for a Python 3 with pytest])
	for pp_python in "$PYTHON" /usr/bin/python3; do
		AS_IF([$pp_python -c 'import pytest' >/dev/null 2>&1],
			[PYTHON=$pp_python; pp_pytest=yes; break], [pp_pytest=no])
	done
	AS_IF([test $pp_pytest = yes], [AC_MSG_RESULT([$PYTHON])],
		[AC_MSG_RESULT([no (make check needs Debian's python3-pytest)])])
])
