// Sets the theme that was chosen by hand before anything is painted; without a choice the style sheet follows the system.
try {
  const theme = localStorage.getItem("sobre.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden here: the system's theme it is.
}
