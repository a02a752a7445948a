// URLPattern, from urlpattern-polyfill.

import { URLPattern } from "urlpattern-polyfill/urlpattern";
import { expose } from "./webidl.js";

expose({ URLPattern });
