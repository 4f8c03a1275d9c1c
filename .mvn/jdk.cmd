@echo off
rem Called by bowline.cmd and mvnw.cmd: sets JAVA_HOME to a JDK 25 or newer, or fails.
if defined JAVA_HOME call :check "%JAVA_HOME%" && exit /b 0
for /f "delims=" %%j in ('where javac 2^>nul') do call :check "%%~dpj.." && exit /b 0
for /d %%d in ("%ProgramFiles%\Eclipse Adoptium\*" "%ProgramFiles%\Java\*" "%ProgramFiles%\Microsoft\jdk*" ^
    "%USERPROFILE%\.jdks\*") do call :check "%%~d" && exit /b 0
echo error: no JDK 25 or newer was found 1>&2
echo   fix: install a JDK 25 (such as Eclipse Temurin), or set JAVA_HOME to one 1>&2
exit /b 1

:check
if not exist "%~1\bin\javac.exe" exit /b 1
if not exist "%~1\release" exit /b 1
for /f "usebackq tokens=2 delims==." %%v in (`findstr /b "JAVA_VERSION=" "%~1\release"`) do (
    for /f "tokens=1 delims=." %%m in (%%v.) do if %%~m GEQ 25 (
        set "JAVA_HOME=%~f1"
        exit /b 0
    )
)
exit /b 1
