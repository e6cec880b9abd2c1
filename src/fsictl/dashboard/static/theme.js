// Light or dark: what was chosen here, else what the system prefers. Loaded before the page is drawn.

(() => {
  const light = matchMedia("(prefers-color-scheme: light)");
  const chosen = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // storage is forbidden
    }
  };
  const apply = () => {
    document.documentElement.dataset.theme = chosen() ?? (light.matches ? "light" : "dark");
    dispatchEvent(new Event("themechange"));
  };
  light.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("themetoggle", () => {
    const next = document.documentElement.dataset.theme === "light" ? "dark" : "light";
    try {
      if ((next === "light") === light.matches) localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      document.documentElement.dataset.theme = next;
      dispatchEvent(new Event("themechange"));
      return;
    }
    apply();
  });
  apply();
})();
